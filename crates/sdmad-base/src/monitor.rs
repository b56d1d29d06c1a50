use crate::Result;

/// Where long work says how far it is, and learns that it should stop.
///
/// Libraries take a `&dyn Monitor`; only the command draws bars. Methods may be called from any thread.
pub trait Monitor: Sync {
    /// A task of `total` steps begins; it replaces the one before.
    fn begin(&self, task: &str, total: usize);
    /// `steps` more steps of the task are done.
    fn advance(&self, steps: usize);
    /// The task is done.
    fn end(&self);
    /// Something that the user should know, and that is no error.
    fn notice(&self, message: &str);
    /// Fails when the user asked to stop. Called between steps, never inside one.
    ///
    /// # Errors
    /// [`Kind::Interrupted`](crate::Kind::Interrupted).
    fn check(&self) -> Result<()>;
}

/// A monitor that says nothing and never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn begin(&self, _task: &str, _total: usize) {}
    fn advance(&self, _steps: usize) {}
    fn end(&self) {}
    fn notice(&self, _message: &str) {}
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
