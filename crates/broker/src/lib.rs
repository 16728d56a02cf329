//! All AMQP.
