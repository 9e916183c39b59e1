// Counts up from 0 until SHA-256(stamp + ":" + number) begins with enough zero bits. (FIPS 180-4; the browser's own
// crypto.subtle answers each hash by itself, many times more slowly than this loop.)
self.sha256Word = (function () {
  "use strict";
  var K = new Int32Array(64);
  var START = new Int32Array(8);
  var H = new Int32Array(8);
  var W = new Int32Array(64);

  function fraction(root) {
    return ((root - Math.floor(root)) * 4294967296) | 0;
  }

  for (var n = 2, found = 0; found < 64; n++) {
    var prime = true;
    for (var d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    K[found++] = fraction(Math.cbrt(n));
  }

  function rotate(x, n) {
    return (x >>> n) | (x << (32 - n));
  }

  // Mixes 16 words of the blocks into the state.
  function mix(blocks, offset) {
    for (var i = 0; i < 16; i++) W[i] = blocks[offset + i];
    for (; i < 64; i++) {
      var x = W[i - 15], y = W[i - 2];
      W[i] = (W[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)) + W[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10))) | 0;
    }
    var a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    for (i = 0; i < 64; i++) {
      var one = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      var two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    H[0] += a; H[1] += b; H[2] += c; H[3] += d; H[4] += e; H[5] += f; H[6] += g; H[7] += h;
  }

  // The first 32 bits of the digest of an ASCII text: more zero bits are never asked for.
  return function (text) {
    var length = text.length;
    var blocks = new Int32Array((((length + 8) >> 6) + 1) * 16);
    for (var i = 0; i < length; i++) blocks[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    blocks[length >> 2] |= 0x80 << (24 - (length % 4) * 8);
    blocks[blocks.length - 1] = length * 8;
    H.set(START);
    for (i = 0; i < blocks.length; i += 16) mix(blocks, i);
    return H[0];
  };
})();

self.onmessage = function (event) {
  var stamp = event.data[0] + ":";
  var bits = event.data[1];
  var word = self.sha256Word;
  for (var number = 0; Math.clz32(word(stamp + number)) < bits; number++);
  self.postMessage(String(number));
};
