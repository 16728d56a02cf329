//! Against a real RabbitMQ: one vhost for this binary, one name prefix for each test.

mod accounts;
mod consuming;
mod publishing;
mod reconnecting;
mod support;
