// One key of one AEAD, and where the arithmetic comes from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace pio {

constexpr int32_t kChaCha20Poly1305 = 1;
constexpr int32_t kAes256Gcm = 2;
constexpr size_t kAeadKey = 32;
constexpr size_t kAeadNonce = 12;
constexpr size_t kAeadTag = 16;

// Ready to seal and to open; erases its key when it ends. Not to be used by two threads at once.
class Cipher {
 public:
  virtual ~Cipher() = default;
  // Writes `length` bytes of ciphertext and the tag behind them; false when the library refused.
  virtual bool seal(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* plain,
                    size_t length, uint8_t* sealed) = 0;
  // Takes `length` bytes of ciphertext with the tag behind them; false when they are not authentic. What was written to
  // `plain` is not to be used then.
  virtual bool open(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* sealed,
                    size_t length, uint8_t* plain) = 0;
};

// Both ciphers, on every machine. Nothing when OpenSSL does not offer this one (a FIPS build, say).
std::unique_ptr<Cipher> openssl_cipher(int32_t cipher, const uint8_t* key);

// AES-256-GCM with the wide instructions of recent x86 processors (VAES), by Intel's Multi-Buffer Crypto for IPsec.
// Whether this build knows the library, this machine has it, and its processor those instructions.
bool has_ipsec_mb();
// Only for kAes256Gcm, and only where has_ipsec_mb().
std::unique_ptr<Cipher> ipsec_mb_cipher(const uint8_t* key);

}  // namespace pio
