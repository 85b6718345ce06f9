// A file descriptor that calls JavaScript when it is readable: the common part of devices, sockets, timers, watches.
#pragma once

#include <node_api.h>
#include <uv.h>

#include "environment.h"
#include "napi_util.h"

namespace pio {

// Lifetime. The JavaScript object is held from construction to close(), so that garbage collection cannot end an open
// device. Memory is freed when both the wrapper was collected and the uv handles are closed, in whichever order.
class Pollable {
 public:
  virtual ~Pollable() = default;

  void start();
  void stop();
  // Harmless when repeated and inside the object's own callback.
  void close();
  void set_referenced(bool referenced);
  bool closed() const { return closed_; }
  int fd() const { return fd_; }

  // Methods every class has: start, stop, close, ref, unref.
  static constexpr size_t kMethods = 5;
  static void describe(napi_property_descriptor* properties);

 protected:
  // Takes over `fd`. Call once, from the constructor callback; on false an exception is pending and the object must
  // not be touched any more.
  bool attach(napi_env env, napi_value self, int fd, napi_value callback, napi_value counters);
  // Called before JavaScript is; false: not worth a call.
  virtual bool on_event() { return true; }
  // The descriptor reported an error. True: go on polling.
  virtual bool on_error() { return true; }
  // Just before the descriptor is closed.
  virtual void on_close() {}
  // Whether data waits that the kernel no longer knows of; keeps the callbacks coming.
  virtual bool has_rest() const { return false; }
  // Call after whatever changes has_rest().
  void rest_changed();
  double* counters() const { return counters_; }

 private:
  static void on_poll(uv_poll_t* handle, int status, int events);
  static void on_idle(uv_idle_t* handle);
  static void on_handle_closed(uv_handle_t* handle);
  static void on_collected(napi_env env, void* data, void* hint);
  void begin_poll();
  void free_if_done();

  Environment* environment_ = nullptr;
  napi_env env_ = nullptr;
  int fd_ = -1;
  bool started_ = false;
  bool closed_ = false;
  bool idling_ = false;
  bool collected_ = false;
  int handles_ = 0;
  uv_poll_t poll_{};
  uv_idle_t idle_{};
  napi_ref self_ = nullptr;
  napi_ref callback_ = nullptr;
  napi_ref counters_ref_ = nullptr;
  double* counters_ = nullptr;
};

// The native object behind `this`, open or closed, or null (see Args::unwrap). What is wrapped is the Pollable: casts go through it.
template <typename T>
T* native(const Args& args) {
  return static_cast<T*>(args.unwrap<Pollable>());
}

// Throws ERR_CLOSED and answers null when the object behind `this` is closed.
template <typename T>
T* open_object(const Args& args) {
  T* object = native<T>(args);
  if (object && !object->closed()) return object;
  throw_misuse(args.env(), kClosed, "the object is closed");
  return nullptr;
}

}  // namespace pio
