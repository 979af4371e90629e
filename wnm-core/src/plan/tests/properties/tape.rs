//! A row of bytes that choices are read from. Zero is always the plainest choice and a tape that
//! has ended goes on with zeros, so that shrinking a tape shrinks what was made from it.

pub(super) struct Tape<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Tape<'_> {
    pub(super) fn new(bytes: &[u8]) -> Tape<'_> {
        Tape { bytes: bytes.iter() }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// One of these; the first is the plainest.
    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()].clone()
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u8) -> bool {
        self.byte() % times == times - 1
    }

    pub(super) fn below(&mut self, count: u32) -> u32 {
        u32::from(self.byte()) % count.max(1)
    }

    /// At a threshold, or a little or much beside it.
    pub(super) fn around(&mut self, threshold: f64) -> f64 {
        let beside = [-30.0, -1.0, -0.1, 0.0, 0.1, 1.0, 20.0];
        (threshold + self.pick(&beside)).max(0.0)
    }
}
