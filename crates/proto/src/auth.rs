//! What a Redis client is told about passwords, in the original's words (`redis_handle_auth_req`).

/// The password is right.
pub const ACCEPTED: &[u8] = b"+OK\r\n";

/// The password is wrong.
pub const WRONG: &[u8] = b"-ERR invalid password\r\n";

/// A password was given to a pool that has none.
pub const NOT_NEEDED: &[u8] = b"-ERR Client sent AUTH, but no password is set\r\n";

/// The pool has a password and the client has not given it.
pub const REQUIRED: &[u8] = b"-NOAUTH Authentication required\r\n";

/// There are more arguments than a user's name and a password, in Redis' words.
pub const TOO_MANY: &[u8] = b"-ERR syntax error\r\n";

/// A user's name and password do not fit, in Redis' words.
pub const WRONG_PAIR: &[u8] = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";

/// `HELLO` came without the password that is owed, in Redis' words.
pub const HELLO_REQUIRED: &[u8] = b"-NOAUTH HELLO must be called with the client already \
authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the \
client and select the RESP protocol version at the same time\r\n";
