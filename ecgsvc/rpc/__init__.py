"""The gRPC face: servicers, one interceptor, one error table, the server."""
