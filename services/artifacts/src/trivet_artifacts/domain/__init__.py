"""What files, folders and links mean: plain Python, knows neither gRPC nor SQL."""
