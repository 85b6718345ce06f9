// The addon's entry: called once in each environment (main thread, each worker) that loads it.
#include "addon.h"

#include "environment.h"

NAPI_MODULE_INIT() {
  pio::Environment::create(env);
  pio::register_tun(env, exports);
  pio::register_udp(env, exports);
  pio::register_sender(env, exports);
  pio::register_aead(env, exports);
  pio::register_timer(env, exports);
  pio::register_link_watch(env, exports);
  pio::register_interfaces(env, exports);
  pio::register_stream(env, exports);
  pio::register_gf256(env, exports);
  pio::register_bytes(env, exports);
  return exports;
}
