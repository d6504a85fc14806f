"""What somebody works with in JupyterLab or Voilà: the wizard, and a run that is watched."""
