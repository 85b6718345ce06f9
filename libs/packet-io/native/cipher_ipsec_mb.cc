// Intel's Multi-Buffer Crypto for IPsec, where its header was there at the build (PIO_IPSEC_MB) and its library is there at
// run time: AES-256-GCM with VAES, a quarter of the time of OpenSSL 3.0, which has no code for those instructions. Loaded by
// name, so that a build outlives the library.
#include "cipher.h"

#ifdef PIO_IPSEC_MB

#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <link.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace pio {
namespace {

template <typename Function>
Function* function_of(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

// The library, or nullptr. Only the version that the header is of: its table has another layout in others of the same name.
void* load() {
  const std::string name = "libIPSec_MB.so." + std::to_string(IMB_VERSION_NUM >> 16);
  void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  const auto version = function_of<decltype(imb_get_version)>(library, "imb_get_version");
  if (version != nullptr && version() == IMB_VERSION_NUM) return library;
  dlclose(library);
  return nullptr;
}

// Drops the pages of the loaded object at `wanted` that only mirror its file; whichever is needed again is read again.
int drop_pages(dl_phdr_info* object, size_t, void* wanted) {
  if (object->dlpi_addr != reinterpret_cast<link_map*>(wanted)->l_addr) return 0;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (size_t i = 0; i < object->dlpi_phnum; i++) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t start = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 1;
}

// The library tests itself when it starts, by which all of its code has been in memory: 3 MB, of which 0.1 are used later.
void forget_self_test(void* library) {
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0) dl_iterate_phdr(drop_pages, map);
}

// The library's table of functions for this processor, or nullptr where it lacks wide instructions.
IMB_MGR* make_manager() {
  void* const library = load();
  if (library == nullptr) return nullptr;
  const auto alloc = function_of<decltype(alloc_mb_mgr)>(library, "alloc_mb_mgr");
  const auto init = function_of<decltype(init_mb_mgr_auto)>(library, "init_mb_mgr_auto");
  const auto release = function_of<decltype(free_mb_mgr)>(library, "free_mb_mgr");
  IMB_MGR* const made = alloc != nullptr && init != nullptr && release != nullptr ? alloc(0) : nullptr;
  if (made == nullptr) return nullptr;
  init(made, nullptr);
  forget_self_test(library);
  constexpr uint64_t kWide = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
  if ((made->features & kWide) == kWide) return made;
  release(made);
  return nullptr;
}

// Made once, by whichever thread comes first; only read from then on.
IMB_MGR* manager() {
  static IMB_MGR* const made = make_manager();
  return made;
}

class IpsecMbCipher final : public Cipher {
 public:
  explicit IpsecMbCipher(const uint8_t* key) { IMB_AES256_GCM_PRE(manager(), key, &key_); }
  ~IpsecMbCipher() override { OPENSSL_cleanse(&key_, sizeof key_); }

  bool seal(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* plain,
            size_t length, uint8_t* sealed) override {
    alignas(64) gcm_context_data state;
    IMB_AES256_GCM_ENC(manager(), &key_, &state, sealed, plain, length, nonce, associated, associated_length,
                       sealed + length, kAeadTag);
    return true;
  }

  bool open(const uint8_t* nonce, const uint8_t* associated, size_t associated_length, const uint8_t* sealed,
            size_t length, uint8_t* plain) override {
    alignas(64) gcm_context_data state;
    uint8_t tag[kAeadTag];
    IMB_AES256_GCM_DEC(manager(), &key_, &state, plain, sealed, length, nonce, associated, associated_length, tag,
                       kAeadTag);
    return CRYPTO_memcmp(tag, sealed + length, kAeadTag) == 0;
  }

 private:
  // The library loads whole cache lines of it; its header says so only to those who define LINUX.
  alignas(64) gcm_key_data key_;
};

}  // namespace

bool has_ipsec_mb() { return manager() != nullptr; }

std::unique_ptr<Cipher> ipsec_mb_cipher(const uint8_t* key) { return std::make_unique<IpsecMbCipher>(key); }

}  // namespace pio

#else

namespace pio {

bool has_ipsec_mb() { return false; }

std::unique_ptr<Cipher> ipsec_mb_cipher(const uint8_t*) { return nullptr; }

}  // namespace pio

#endif
