"""One CloudFormation stack in one account: read, told, planned, changed and removed."""
