"""Signing in by pages: an OpenID provider's tokens, kept in a cookie of the browser, for this server's own pages."""
