"""As `azureml.data`: what `from_delimited_files` takes as its header."""
