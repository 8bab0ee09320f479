"""How good models are: metrics, plots and slices on data, and two versions side by side."""
