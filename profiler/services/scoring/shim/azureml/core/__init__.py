"""Stands in for the part of azureml-core that scoring scripts use while they are served."""
