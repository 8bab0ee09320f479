"""The methods of RegistryService: parse, ask the store, convert back."""
