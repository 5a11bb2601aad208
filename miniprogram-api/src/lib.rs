mod session;

pub use session::{
    EmbeddedSessions, NewSession, RedisSessions, Session, SessionError, SessionId, SessionRules,
    SessionStore, Token,
};
