"""The methods of TrackingService, by what they are about: parse, ask the store, convert back."""
