//! Chance that comes from a seed only. No function of the C library is used, so that a seed means
//! the same on every machine.

/// A stream of chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    /// Streams of one seed are independent: what one part of the model draws never moves another
    /// part, and two rule sets live through the same weather.
    pub(crate) fn new(seed: u64, stream: u64) -> Chance {
        Chance(fastrand::Rng::with_seed(mixed(seed) ^ mixed(stream.wrapping_add(0x5157))))
    }

    /// From 0, below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.0.u64(..) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.share() < probability
    }

    /// From `low`, below `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// One of `count`, from 0.
    pub(crate) fn one_of(&mut self, count: usize) -> usize {
        ((self.share() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Mean 0, standard deviation 1, never beyond 3.5: the sum of four uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        const ROOT_OF_THREE: f64 = 1.732_050_807_568_877_2;
        let bits = self.0.u64(..);
        let sum: u64 = (0..4).map(|part| bits >> (part * 16) & 0xffff).sum();
        (sum as f64 / 65_535.0 - 2.0) * ROOT_OF_THREE
    }

    /// Around 1 with this spread, never below a tenth.
    pub(crate) fn factor(&mut self, spread: f64) -> f64 {
        (1.0 + spread * self.normal()).max(0.1)
    }
}

/// Splitmix64: neighbouring seeds give unlike streams.
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn normal_numbers_are_normal_enough() {
        let mut chance = Chance::new(1, 2);
        let drawn: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / drawn.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, stream| Chance::new(seed, stream).share().to_bits();
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }
}
