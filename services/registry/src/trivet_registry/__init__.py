"""The registry service: models, their versions, stages and aliases."""
