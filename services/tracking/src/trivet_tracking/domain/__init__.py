"""What tracking means, in plain Python: no gRPC, no SQL."""
