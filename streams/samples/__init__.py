"""Sample data that ships with the package; README.md says where it is from."""
