#include "environment.h"

#include "pollable.h"

namespace pio {

void Environment::create(napi_env env) {
  auto* self = new Environment(env);
  // No finalizer: teardown() decides when it ends, after the last uv handle.
  napi_set_instance_data(env, self, nullptr, nullptr);
  napi_add_async_cleanup_hook(env, teardown, self, &self->hook_);
}

Environment* Environment::of(napi_env env) {
  void* self = nullptr;
  napi_get_instance_data(env, &self);
  return static_cast<Environment*>(self);
}

Environment::Environment(napi_env env) : env_(env) {
  napi_get_uv_event_loop(env, &loop_);
  napi_value name, receiver;
  napi_create_string_utf8(env, "corridor:packet-io", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env, &receiver);
  napi_create_reference(env, receiver, 1, &receiver_);
  napi_async_init(env, receiver, name, &context_);
}

void Environment::call(napi_ref function) {
  if (!alive_) return;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  napi_value receiver, callback, result;
  napi_get_reference_value(env_, receiver_, &receiver);
  napi_get_reference_value(env_, function, &callback);
  const napi_status status = napi_make_callback(env_, context_, receiver, callback, 0, nullptr, &result);
  if (status == napi_pending_exception) {
    // A worker that is being terminated leaves no exception object behind; then there is nothing to report.
    napi_value error = nullptr;
    bool pending = false;
    napi_is_exception_pending(env_, &pending);
    if (pending && napi_get_and_clear_last_exception(env_, &error) == napi_ok && error) {
      napi_fatal_exception(env_, error);
    }
  }
  napi_close_handle_scope(env_, scope);
}

void Environment::teardown(napi_async_cleanup_hook_handle, void* data) {
  auto* self = static_cast<Environment*>(data);
  self->alive_ = false;
  while (!self->open_.empty()) (*self->open_.begin())->close();
  napi_async_destroy(self->env_, self->context_);
  napi_delete_reference(self->env_, self->receiver_);
  self->finish_if_done();
}

void Environment::handle_closed() {
  handles_--;
  finish_if_done();
}

void Environment::finish_if_done() {
  if (alive_ || handles_ != 0) return;
  napi_remove_async_cleanup_hook(hook_);
  delete this;
}

}  // namespace pio
