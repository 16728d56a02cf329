//! Moves jobs through their states and leases them to nodes.
