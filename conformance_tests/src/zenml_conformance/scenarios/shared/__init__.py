"""What the steps of several scenarios are made of."""
