package io.sparkwright.spark;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;

/** A map with weak keys compared by identity: {@code equals} of Spark's file indexes compares nothing but root paths. */
final class WeakIdentityMap<K, V> {
  private final ConcurrentHashMap<Object, V> map = new ConcurrentHashMap<>();
  private final ReferenceQueue<K> dead = new ReferenceQueue<>();

  V get(K key) {
    return map.get(new Probe(key));
  }

  void put(K key, V value) {
    for (Reference<? extends K> gone = dead.poll(); gone != null; gone = dead.poll()) {
      map.remove(gone);
    }
    map.put(new Key<>(key, dead), value);
  }

  private static final class Key<K> extends WeakReference<K> {
    private final int hash;

    Key(K key, ReferenceQueue<K> queue) {
      super(key, queue);
      hash = System.identityHashCode(key);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      return this == other || other instanceof Probe probe && probe.key == get();
    }
  }

  private static final class Probe {
    private final Object key;

    Probe(Object key) {
      this.key = key;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(key);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key<?> known && known.get() == key;
    }
  }
}
