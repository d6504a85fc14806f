"""What people look at. A view takes a report and returns text; none makes a call or changes a finding."""
