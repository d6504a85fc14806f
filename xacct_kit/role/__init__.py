"""What the cross-account execution role must be: its documents, profiles and CloudFormation template."""
