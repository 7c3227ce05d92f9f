//! Whose a connection is: on loopback every user of the machine reaches every port.

use std::fs;
use std::net::{SocketAddr, SocketAddrV4};

use rustix::process::geteuid;
use tokio::net::TcpStream;

/// The kernel's tables of connections; the second has those of programs that speak IPv6 to an IPv4 address.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The columns of their lines that hold the local address, the other one, and the user.
const LOCAL: usize = 1;
const REMOTE: usize = 2;
const USER: usize = 7;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    /// The user; unknown where the kernel doesn't tell.
    user: Option<u32>,
}

impl Peer {
    /// Who is at the other end of this connection.
    pub(super) fn of(stream: &TcpStream) -> Self {
        let user = match (stream.local_addr(), stream.peer_addr()) {
            (Ok(SocketAddr::V4(ours)), Ok(SocketAddr::V4(theirs))) => user_of(ours, theirs),
            _ => None,
        };
        Self { user }
    }

    /// Whether the server is theirs: the user's who started it, or root's, who needs no permission. Nobody is taken for them.
    pub(super) fn may_ask(self) -> bool {
        self.user.is_some_and(|user| user == geteuid().as_raw() || user == 0)
    }

    /// Whether the kernel told who it is.
    pub(super) fn is_known(self) -> bool {
        self.user.is_some()
    }
}

/// The user who holds the other end of a connection of ours.
fn user_of(ours: SocketAddrV4, theirs: SocketAddrV4) -> Option<u32> {
    TABLES.iter().find_map(|table| user_in(&fs::read_to_string(table).ok()?, ours, theirs))
}

/// The user in the line of the other end, for which it is the local one.
fn user_in(table: &str, ours: SocketAddrV4, theirs: SocketAddrV4) -> Option<u32> {
    let (ours, theirs) = (written(ours), written(theirs));
    table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let is = |column: usize, address: &str| columns.get(column).is_some_and(|it| it.ends_with(address));
        if is(LOCAL, &theirs) && is(REMOTE, &ours) { columns.get(USER)?.parse().ok() } else { None }
    })
}

/// An address as the kernel's tables have it: in the machine's own order of bytes, the port not.
fn written(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_connection_of_our_own_is_told_from_another_s() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (SocketAddr::V4(ours), SocketAddr::V4(theirs)) =
            (listener.local_addr().unwrap(), client.local_addr().unwrap())
        else {
            panic!("not IPv4");
        };
        assert_eq!(user_of(ours, theirs), Some(geteuid().as_raw()));
        assert_eq!(user_of(theirs, SocketAddrV4::new(*ours.ip(), 1)), None);
        assert!(Peer { user: Some(geteuid().as_raw()) }.may_ask());
        assert!(!Peer { user: None }.may_ask(), "whoever can't be told from a stranger is one");
        assert!(!Peer { user: Some(geteuid().as_raw() + 1) }.may_ask());
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernel_s_tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1 0
   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 101 1 0
   2: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 102 1 0\n";
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        assert_eq!(user_in(table, at(8080), at(0xC001)), Some(1001));
        assert_eq!(user_in(table, at(8080), at(0xC002)), None);
        let mapped = "   7: 0000000000000000FFFF00000100007F:C002 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 \
                      00:00000000 00000000  1002        0 103 1 0\n";
        assert_eq!(user_in(mapped, at(8080), at(0xC002)), Some(1002));
    }
}
