"""What requests bring, as what models take."""
