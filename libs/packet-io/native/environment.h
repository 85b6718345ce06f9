// What belongs to one Node environment (the main thread, or a worker): its event loop, its open objects, its end.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <unordered_set>

namespace pio {

class Pollable;

// Lives from the addon's load in an environment until the last handle of that environment is closed.
class Environment {
 public:
  static void create(napi_env env);
  static Environment* of(napi_env env);

  uv_loop_t* loop() const { return loop_; }
  // False once teardown has begun: JavaScript must not be called any more.
  bool alive() const { return alive_; }

  void add(Pollable* object) { open_.insert(object); }
  void remove(Pollable* object) { open_.erase(object); }
  void handle_opened() { handles_++; }
  void handle_closed();

  // Calls a JavaScript function from the event loop, with microtasks and ticks behind it; what it throws becomes an
  // uncaught exception, as from any other callback.
  void call(napi_ref function);

 private:
  explicit Environment(napi_env env);
  static void teardown(napi_async_cleanup_hook_handle hook, void* self);
  void finish_if_done();

  napi_env env_;
  uv_loop_t* loop_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref receiver_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::unordered_set<Pollable*> open_;
  int handles_ = 0;
  bool alive_ = true;
};

}  // namespace pio
