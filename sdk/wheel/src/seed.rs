//! Where the order of a wheel begins.

/// What the order of the members in a wheel is made from: equal seeds make equal orders, on every
/// machine and in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// Of a publication of a zone. With the serial the order changes, so that neighbours in it, and
    /// what rounding gives to one and takes from another, are not the same for ever.
    ///
    /// Names are the same in capitals and small letters.
    #[must_use]
    pub fn of(zone: &[u8], serial: u32) -> Self {
        // FNV-1a.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let name = zone.iter().map(u8::to_ascii_lowercase);
        for octet in name.chain(serial.to_be_bytes()) {
            hash = (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(hash)
    }

    /// The next number (splitmix64).
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The numbers below `len`, shuffled (Fisher and Yates).
    pub(crate) fn shuffled(mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for last in (1..len).rev() {
            // Below 2^64 times a length: the high half is below the length.
            let wide = u128::from(self.draw()) * (last as u128 + 1);
            order.swap(last, usize::try_from(wide >> 64).unwrap_or(last));
        }
        order
    }
}
