"""The language that searches are written in: texts become expressions, which a store turns into its own queries."""
