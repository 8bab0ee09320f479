"""The methods of ArtifactService, a class for each thing: parse, ask, convert back."""
