//! Sockets and threads: messages come in, are answered, and answers leave.
