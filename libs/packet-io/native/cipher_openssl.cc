// The OpenSSL that Node carries: its symbols are in the process, its headers beside Node's.
#include <openssl/evp.h>

#include "cipher.h"

namespace pio {
namespace {

struct FreeContext {
  // Erases the key schedule.
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

class OpensslCipher final : public Cipher {
 public:
  OpensslCipher(const EVP_CIPHER* method, const uint8_t* key)
      : seal_(EVP_CIPHER_CTX_new()),
        open_(EVP_CIPHER_CTX_new()),
        ready_(seal_ && open_ && EVP_EncryptInit_ex(seal_.get(), method, nullptr, key, nullptr) == 1 &&
               EVP_DecryptInit_ex(open_.get(), method, nullptr, key, nullptr) == 1) {}

  bool ready() const { return ready_; }

  bool seal(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* plain,
            size_t length, uint8_t* sealed) override {
    EVP_CIPHER_CTX* context = seal_.get();
    int done = 0;
    return EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce) == 1 &&
           EVP_EncryptUpdate(context, nullptr, &done, associated, static_cast<int>(associated_length)) == 1 &&
           EVP_EncryptUpdate(context, sealed, &done, plain, static_cast<int>(length)) == 1 &&
           EVP_EncryptFinal_ex(context, sealed + length, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTag, sealed + length) == 1;
  }

  bool open(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* sealed,
            size_t length, uint8_t* plain) override {
    EVP_CIPHER_CTX* context = open_.get();
    int done = 0;
    return EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTag, const_cast<uint8_t*>(sealed + length)) == 1 &&
           EVP_DecryptUpdate(context, nullptr, &done, associated, static_cast<int>(associated_length)) == 1 &&
           EVP_DecryptUpdate(context, plain, &done, sealed, static_cast<int>(length)) == 1 &&
           EVP_DecryptFinal_ex(context, plain + length, &done) == 1;
  }

 private:
  Context seal_;
  Context open_;
  bool ready_;
};

}  // namespace

std::unique_ptr<Cipher> openssl_cipher(int32_t cipher, const uint8_t* key) {
  auto made = std::make_unique<OpensslCipher>(
      cipher == kAes256Gcm ? EVP_aes_256_gcm() : EVP_chacha20_poly1305(), key);
  if (!made->ready()) return nullptr;
  return made;
}

}  // namespace pio
