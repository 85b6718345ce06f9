// AEAD over batches: bounds, headers and nonces. The arithmetic is cipher.h's.
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon.h"
#include "cipher.h"
#include "prefetch.h"

namespace pio {
namespace {

// Order of AEAD_COUNTERS in counters.ts.
enum Counter { kSealed, kOpened, kRejected, kCounters };

constexpr int kOuter = 12;  // outer header, authenticated
constexpr int kInner = 12;  // inner header, sealed
constexpr int kTag = kAeadTag;

constexpr char kOpenssl[] = "openssl";
constexpr char kIpsecMb[] = "ipsec-mb";

// Path id u32 LE, packet number u64 LE, from the outer header: type u8, path id u8, number's bits 32..47 u16, receiver
// index u32, number's bits 0..31 u32.
void nonce_of(const uint8_t* outer, uint8_t* nonce) {
  memset(nonce, 0, kAeadNonce);
  nonce[0] = outer[1];
  memcpy(nonce + 4, outer + 8, 4);
  memcpy(nonce + 8, outer + 2, 2);
}

class AeadTable {
 public:
  explicit AeadTable(bool ipsec_mb) : ipsec_mb_(ipsec_mb) {}

  // Answers -1 when OpenSSL does not offer the cipher.
  int32_t add(int32_t cipher, const uint8_t* key);
  void drop(int32_t handle) {
    if (known(handle)) keys_[static_cast<size_t>(handle)] = nullptr;
  }
  bool known(int32_t handle) const {
    return handle >= 0 && static_cast<size_t>(handle) < keys_.size() && keys_[static_cast<size_t>(handle)];
  }
  // `plain` is the inner header and payload in one piece; writes outer header, ciphertext and tag.
  bool seal(int32_t handle, const uint8_t* outer, const uint8_t* plain, int length, uint8_t* target);
  bool open(int32_t handle, const uint8_t* datagram, int length, uint8_t* target);

 private:
  const bool ipsec_mb_;
  std::vector<std::unique_ptr<Cipher>> keys_;
};

int32_t AeadTable::add(int32_t cipher, const uint8_t* key) {
  auto entry = ipsec_mb_ && cipher == kAes256Gcm ? ipsec_mb_cipher(key) : openssl_cipher(cipher, key);
  if (!entry) return -1;
  for (size_t i = 0; i < keys_.size(); i++) {
    if (keys_[i]) continue;
    keys_[i] = std::move(entry);
    return static_cast<int32_t>(i);
  }
  keys_.push_back(std::move(entry));
  return static_cast<int32_t>(keys_.size() - 1);
}

bool AeadTable::seal(int32_t handle, const uint8_t* outer, const uint8_t* plain, int length, uint8_t* target) {
  uint8_t nonce[kAeadNonce];
  nonce_of(outer, nonce);
  memcpy(target, outer, kOuter);
  return keys_[static_cast<size_t>(handle)]->seal(nonce, outer, kOuter, plain, static_cast<size_t>(length),
                                                  target + kOuter);
}

bool AeadTable::open(int32_t handle, const uint8_t* datagram, int length, uint8_t* target) {
  uint8_t nonce[kAeadNonce];
  nonce_of(datagram, nonce);
  return keys_[static_cast<size_t>(handle)]->open(nonce, datagram, kOuter, datagram + kOuter,
                                                  static_cast<size_t>(length - kOuter - kTag), target);
}

struct Wrapped {
  napi_ref counters_ref = nullptr;
  double* counters = nullptr;
  AeadTable table;

  explicit Wrapped(bool ipsec_mb) : table(ipsec_mb) {}
};

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<double> counters;
  std::string by;
  if (!constructing(env, info, "Aead") || !args.doubles(0, counters) || !args.text(1, by)) return nullptr;
  if (counters.length < kCounters) {
    throw_misuse(env, kBadArgument, "the counter array is too short");
    return nullptr;
  }
  if (by != kOpenssl && !(by == kIpsecMb && has_ipsec_mb())) {
    throw_misuse(env, kBadArgument, "this machine has no such implementation of the ciphers");
    return nullptr;
  }
  const auto finalize = [](napi_env env, void* data, void*) {
    auto* object = static_cast<Wrapped*>(data);
    napi_delete_reference(env, object->counters_ref);
    delete object;
  };
  auto* wrapped = new Wrapped(by == kIpsecMb);
  wrapped->counters = counters.data;
  napi_create_reference(env, args[0], 1, &wrapped->counters_ref);
  if (napi_wrap(env, args.self(), wrapped, finalize, nullptr, nullptr) != napi_ok) finalize(env, wrapped, nullptr);
  return args.self();
}

napi_value add_key(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t cipher;
  Array<uint8_t> key;
  auto* wrapped = args.unwrap<Wrapped>();
  if (!wrapped || !args.integer(0, cipher) || !args.bytes(1, key)) return nullptr;
  if ((cipher != kChaCha20Poly1305 && cipher != kAes256Gcm) || key.length != kAeadKey) {
    throw_misuse(env, kBadArgument, "cipher must be 1 (ChaCha20-Poly1305) or 2 (AES-256-GCM), the key 32 bytes");
    return nullptr;
  }
  const int32_t handle = wrapped->table.add(cipher, key.data);
  if (handle < 0) throw_misuse(env, kBadArgument, "this Node's OpenSSL does not offer the cipher");
  return number(env, handle);
}

napi_value drop_key(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* wrapped = args.unwrap<Wrapped>();
  int32_t handle;
  if (wrapped && args.integer(0, handle)) wrapped->table.drop(handle);
  return nullptr;
}

bool fail(napi_env env, const char* code, const char* message) {
  throw_misuse(env, code, message);
  return false;
}

// Every entry is checked before the first is touched.
bool check_seal(napi_env env, const AeadTable& table, size_t count, const Array<int32_t>& key,
                const Array<uint8_t>& header, const Array<int32_t>& source, const Array<int32_t>& length,
                const Array<int32_t>& target, const Array<uint8_t>& from, const Array<uint8_t>& to) {
  if (count > key.length || count * (kOuter + kInner) > header.length || count > source.length ||
      count > length.length || count > target.length) {
    return fail(env, kOutOfBounds, "count is more than the batch holds");
  }
  for (size_t i = 0; i < count; i++) {
    if (!table.known(key.data[i])) return fail(env, kUnknownKey, "seal with an unknown key");
    const int64_t payload = length.data[i];
    if (payload < 0 || !inside(from, int64_t{source.data[i]} - kInner, payload + kInner) ||
        !inside(to, target.data[i], payload + kOuter + kInner + kTag)) {
      return fail(env, kOutOfBounds, "an entry of the seal batch lies outside its buffer");
    }
  }
  return true;
}

napi_value seal(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t count;
  Array<int32_t> key, source, length, target;
  Array<uint8_t> header, from, to;
  auto* wrapped = args.unwrap<Wrapped>();
  if (!wrapped || !args.integer(0, count) || !args.ints(1, key) || !args.bytes(2, header) || !args.ints(3, source) ||
      !args.ints(4, length) || !args.ints(5, target) || !args.bytes(6, from) || !args.bytes(7, to)) {
    return nullptr;
  }
  const size_t most = count < 0 ? SIZE_MAX / 32 : static_cast<size_t>(count);
  if (!check_seal(env, wrapped->table, most, key, header, source, length, target, from, to)) return nullptr;
  for (size_t i = 0; i < most; i++) {
    const uint8_t* outer = header.data + i * (kOuter + kInner);
    // Inner header and payload in one piece: one pass of the cipher.
    uint8_t* plain = from.data + source.data[i] - kInner;
    memcpy(plain, outer + kOuter, kInner);
    if (!wrapped->table.seal(key.data[i], outer, plain, length.data[i] + kInner, to.data + target.data[i])) {
      napi_fatal_error("packet-io", NAPI_AUTO_LENGTH, "OpenSSL refused to seal", NAPI_AUTO_LENGTH);
    }
  }
  wrapped->counters[kSealed] += static_cast<double>(most);
  return nullptr;
}

bool check_open(napi_env env, const AeadTable& table, size_t count, const Array<int32_t>& key,
                const Array<int32_t>& source, const Array<int32_t>& length, const Array<int32_t>& target,
                const Array<int32_t>& result, const Array<uint8_t>& from, const Array<uint8_t>& to) {
  if (count > key.length || count > source.length || count > length.length || count > target.length ||
      count > result.length) {
    return fail(env, kOutOfBounds, "count is more than the batch holds");
  }
  for (size_t i = 0; i < count; i++) {
    if (!table.known(key.data[i])) return fail(env, kUnknownKey, "open with an unknown key");
    const int64_t datagram = length.data[i];
    const int64_t payload = datagram - (kOuter + kInner + kTag);
    if (datagram < 0 || !inside(from, source.data[i], datagram) ||
        (payload >= 0 && !inside(to, int64_t{target.data[i]} - kInner, payload + kInner))) {
      return fail(env, kOutOfBounds, "an entry of the open batch lies outside its buffer");
    }
  }
  return true;
}

napi_value open(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t count;
  Array<int32_t> key, source, length, target, result;
  Array<uint8_t> from, to;
  auto* wrapped = args.unwrap<Wrapped>();
  if (!wrapped || !args.integer(0, count) || !args.ints(1, key) || !args.ints(2, source) || !args.ints(3, length) ||
      !args.ints(4, target) || !args.ints(5, result) || !args.bytes(6, from) || !args.bytes(7, to)) {
    return nullptr;
  }
  const size_t most = count < 0 ? SIZE_MAX / 32 : static_cast<size_t>(count);
  if (!check_open(env, wrapped->table, most, key, source, length, target, result, from, to)) return nullptr;
  double opened = 0;
  for (size_t i = 0; i < most; i++) {
    const int payload = length.data[i] - (kOuter + kInner + kTag);
    if (i + 1 < most && length.data[i + 1] > kOuter + kInner + kTag) {
      prefetch_for_writing(to.data + target.data[i + 1] - kInner, static_cast<size_t>(length.data[i + 1]));
    }
    const bool authentic = payload >= 0 && wrapped->table.open(key.data[i], from.data + source.data[i],
                                                               length.data[i], to.data + target.data[i] - kInner);
    result.data[i] = authentic ? payload : -1;
    opened += authentic;
  }
  wrapped->counters[kOpened] += opened;
  wrapped->counters[kRejected] += static_cast<double>(most) - opened;
  return nullptr;
}

}  // namespace

void register_aead(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {method("addKey", add_key), method("dropKey", drop_key),
                                                 method("seal", seal), method("open", open)};
  export_class(env, exports, "Aead", construct, properties, 4);
  // The names that the constructor takes on this machine, the fastest first.
  napi_value names = nullptr;
  napi_create_array(env, &names);
  uint32_t count = 0;
  for (const char* name : {kIpsecMb, kOpenssl}) {
    if (name == kIpsecMb && !has_ipsec_mb()) continue;
    napi_value text = nullptr;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &text);
    napi_set_element(env, names, count++, text);
  }
  napi_set_named_property(env, exports, "aeadImplementations", names);
}

}  // namespace pio
