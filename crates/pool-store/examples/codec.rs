#[path = "../benches/host/mod.rs"]
mod host;
use pool_store::codec::State;
use std::time::{Duration, Instant};
fn main() {
    for (name, mut host) in [("busy", host::busy()), ("quiet", host::quiet())] {
        let mut state: Option<State> = None;
        let (mut sum, mut keys, mut nkeys) = (0, 0, 0);
        let mut since = 0;
        let mut keylen = 0;
        let (mut enc, mut dec) = (Duration::ZERO, Duration::ZERO);
        let mut reader: Option<State> = None;
        let mut changed = 0;
        let mut before = host.sample.clone();
        let n = 1800;
        for i in 0..n {
            let s = host.step(1000).clone();
            changed += s.rows.iter().zip(&before.rows).filter(|(a, b)| a.counters != b.counters).count();
            before = s.clone();
            let t = Instant::now();
            if let Some(st) = &mut state {
                let d = st.delta(&s, host.at_ms * 1000 + 37).unwrap();
                enc += t.elapsed();
                sum += d.len();
                since += d.len();
                let t = Instant::now();
                reader.as_mut().unwrap().read_delta(&d).unwrap();
                dec += t.elapsed();
                if i % 100 == 0 {
                    let mut got = reader.as_ref().unwrap().to_sample();
                    got.time = s.time;
                    assert_eq!(got, s);
                }
            }
            if state.is_none() || since > 12 * keylen {
                let (st, k) = State::key(&s, host.at_ms * 1000).unwrap();
                keys += k.len();
                keylen = k.len();
                nkeys += 1;
                since = 0;
                reader = Some(State::read_key(&k).unwrap());
                state = Some(st);
            }
        }
        let mb = |b: usize| b as f64 * 2.0 / 1e6;
        println!("{name}: changed {} delta {:.2} MB/h keys {:.2} MB/h ({} keys of {}) bytes/row {:.2} enc {:?} dec {:?}", changed / n, mb(sum), mb(keys), nkeys, keylen, sum as f64 / changed as f64, enc / n as u32, dec / n as u32);
    }
}
