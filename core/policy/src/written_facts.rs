//! Facts as people write them, on the command line and in the page alike.

use sparkwright_core::facts::NodeFacts;
use sparkwright_core::launch::ClusterCandidate;
use sparkwright_core::units::Bytes;

/// The highest price of an executor-hour that is taken for one.
const HIGHEST_PRICE: f64 = 1e6;

/// A size: decimal and binary units, a fraction allowed.
///
/// # Errors
/// The text is none; what is wanted.
pub fn size(text: &str) -> Result<Bytes, String> {
    text.parse::<bytesize::ByteSize>()
        .map(|size| Bytes(size.as_u64()))
        .map_err(|_| format!("`{text}` is not a size; write it as 100GB, 1.5TB, 64MiB or a number of bytes"))
}

/// Machines of one size, as `4x16x64GiB`.
///
/// # Errors
/// The text names none; what is wanted.
pub fn nodes(text: &str) -> Result<NodeFacts, String> {
    let wanted = || format!("`{text}` is not COUNTxCORESxMEMORY; write it as 4x16x64GiB");
    let mut parts = text.splitn(3, 'x');
    let mut whole = || parts.next().and_then(|part| part.parse::<u32>().ok()).filter(|n| *n > 0).ok_or_else(wanted);
    let (count, cores) = (whole()?, whole()?);
    let memory_bytes = size(parts.next().ok_or_else(wanted)?)?;
    Ok(NodeFacts { count, cores, memory_bytes })
}

/// A cluster to choose from, as `large=20x16x64GiB@0.40`: its name, its machines, and the price of an executor-hour where it has one.
///
/// # Errors
/// The text names none; what is wanted.
pub fn candidate(text: &str) -> Result<ClusterCandidate, String> {
    let wanted = || format!("`{text}` is not NAME=COUNTxCORESxMEMORY@PRICE; write it as large=20x16x64GiB@0.40");
    let (name, rest) = text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(wanted)?;
    let (machines, price) = rest.split_once('@').map_or((rest, None), |(machines, price)| (machines, Some(price)));
    let micros = |price: &str| {
        let price: f64 = price.parse().ok().filter(|price| (0.0..=HIGHEST_PRICE).contains(price)).ok_or_else(wanted)?;
        Ok::<u64, String>((price * 1e6).round() as u64)
    };
    Ok(ClusterCandidate {
        name: name.trim().to_owned(),
        nodes: vec![nodes(machines)?],
        quota_cores: None,
        executor_hour_micros: price.map(micros).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("100GB", 100_000_000_000),
            ("1.5TB", 1_500_000_000_000),
            ("64MiB", 64 << 20),
            ("7", 7),
            ("12 kB", 12_000),
            ("0", 0),
        ] {
            assert_eq!(size(text), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "GB", "4 elephants", "-1GB", "NaN"] {
            let refused = size(text).unwrap_err();
            assert!(refused.contains(&format!("`{text}`")) && refused.contains("100GB"), "{refused}");
        }
    }

    #[test]
    fn machines_are_counted_and_have_cores_and_memory() {
        let of = |count, cores, memory_bytes| Ok(NodeFacts { count, cores, memory_bytes });
        assert_eq!(nodes("4x16x64GiB"), of(4, 16, Bytes::gib(64)));
        assert_eq!(nodes("1x2x8GB"), of(1, 2, Bytes(8_000_000_000)));
        for text in ["", "4", "4x16", "0x16x64GiB", "4x0x64GiB", "4x16x", "4x16xlots", "-1x16x64GiB", "4X16X64GiB"] {
            assert!(nodes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_candidate_has_a_name_and_may_have_a_price() {
        let large = candidate("large=20x16x64GiB@0.40").unwrap();
        assert_eq!((large.name.as_str(), large.executor_hour_micros), ("large", Some(400_000)));
        assert_eq!(large.nodes, [NodeFacts { count: 20, cores: 16, memory_bytes: Bytes::gib(64) }]);
        let spare = candidate(" spare =1x1x1GiB").unwrap();
        assert_eq!((spare.name.as_str(), spare.executor_hour_micros), ("spare", None));
        for text in ["", "large", "=1x1x1GiB", "a=1x1x1GiB@", "a=1x1x1GiB@-1", "a=1x1x1GiB@NaN", "a=1x1x1GiB@1e9"] {
            assert!(candidate(text).is_err(), "{text}");
        }
    }
}
