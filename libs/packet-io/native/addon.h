// What each file registers, and the bounds check they share.
#pragma once

#include "napi_util.h"

namespace pio {

void register_tun(napi_env env, napi_value exports);
void register_udp(napi_env env, napi_value exports);
void register_sender(napi_env env, napi_value exports);
void register_aead(napi_env env, napi_value exports);
void register_timer(napi_env env, napi_value exports);
void register_link_watch(napi_env env, napi_value exports);
void register_interfaces(napi_env env, napi_value exports);
void register_stream(napi_env env, napi_value exports);
void register_gf256(napi_env env, napi_value exports);
void register_bytes(napi_env env, napi_value exports);

// Whether [offset, offset + length) lies inside the bytes.
inline bool inside(const Array<uint8_t>& bytes, int64_t offset, int64_t length) {
  return offset >= 0 && length >= 0 && offset + length <= static_cast<int64_t>(bytes.length);
}

}  // namespace pio
