//! Renders leased jobs on one device.
