"""What `ecgsvc.client` is made of: replies, errors, connections, streams."""
