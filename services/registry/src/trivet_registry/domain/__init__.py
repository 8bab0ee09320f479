"""What models and their versions mean; knows neither gRPC nor SQL."""
