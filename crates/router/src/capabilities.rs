use std::fmt;

bitflags::bitflags! {
    /// What a backend can do, or a call needs: a small set.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_router::Capabilities;
    ///
    /// let can = Capabilities::TOOLS | Capabilities::STREAMING;
    /// assert!(can.contains(Capabilities::TOOLS));
    /// assert_eq!(can.to_string(), "streaming, tools");
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Capabilities: u16 {
        /// Answers token by token.
        const STREAMING = 1;
        /// Calls tools.
        const TOOLS = 1 << 1;
        /// Answers by a JSON schema.
        const STRUCTURED_OUTPUT = 1 << 2;
        /// Reads images.
        const VISION = 1 << 3;
        /// Hears or speaks.
        const AUDIO = 1 << 4;
        /// Makes embeddings.
        const EMBEDDINGS = 1 << 5;
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, _)) in self.iter_names().enumerate() {
            let gap = if at == 0 { "" } else { ", " };
            write!(f, "{gap}{}", name.to_ascii_lowercase().replace('_', " "))?;
        }
        Ok(())
    }
}
