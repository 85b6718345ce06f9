#include "pollable.h"

#include <unistd.h>

namespace pio {

bool Pollable::attach(napi_env env, napi_value self, int fd, napi_value callback, napi_value counters) {
  env_ = env;
  environment_ = Environment::of(env);
  fd_ = fd;
  const int error = uv_poll_init(environment_->loop(), &poll_, fd);
  if (error) {
    ::close(fd);
    throw_failure(env, {-error, "uv_poll_init", "cannot watch the descriptor"});
    delete this;
    return false;
  }
  uv_idle_init(environment_->loop(), &idle_);
  poll_.data = idle_.data = this;
  handles_ = 2;
  environment_->handle_opened();
  environment_->handle_opened();
  environment_->add(this);
  napi_create_reference(env, callback, 1, &callback_);
  if (counters) {
    void* data = nullptr;
    napi_get_typedarray_info(env, counters, nullptr, nullptr, &data, nullptr, nullptr);
    counters_ = static_cast<double*>(data);
    napi_create_reference(env, counters, 1, &counters_ref_);
  }
  napi_create_reference(env, self, 1, &self_);
  if (napi_wrap(env, self, this, on_collected, nullptr, nullptr) != napi_ok) {
    // The worker is being terminated: nobody will ever hold or collect this object.
    collected_ = true;
    close();
    return false;
  }
  return true;
}

void Pollable::start() {
  if (closed_ || started_) return;
  started_ = true;
  begin_poll();
  rest_changed();
}

void Pollable::stop() {
  if (closed_ || !started_) return;
  started_ = false;
  uv_poll_stop(&poll_);
  rest_changed();
}

void Pollable::close() {
  if (closed_) return;
  closed_ = true;
  started_ = false;
  on_close();
  environment_->remove(this);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_handle_closed);
  ::close(fd_);
  fd_ = -1;
  counters_ = nullptr;
  napi_delete_reference(env_, callback_);
  if (counters_ref_) napi_delete_reference(env_, counters_ref_);
  napi_delete_reference(env_, self_);
}

void Pollable::set_referenced(bool referenced) {
  if (closed_) return;
  auto* poll = reinterpret_cast<uv_handle_t*>(&poll_);
  auto* idle = reinterpret_cast<uv_handle_t*>(&idle_);
  referenced ? uv_ref(poll) : uv_unref(poll);
  referenced ? uv_ref(idle) : uv_unref(idle);
}

void Pollable::begin_poll() { uv_poll_start(&poll_, UV_READABLE, on_poll); }

void Pollable::rest_changed() {
  const bool wanted = started_ && has_rest();
  if (closed_ || wanted == idling_) return;
  idling_ = wanted;
  wanted ? uv_idle_start(&idle_, on_idle) : uv_idle_stop(&idle_);
}

void Pollable::on_poll(uv_poll_t* handle, int status, int) {
  auto* self = static_cast<Pollable*>(handle->data);
  if (status < 0) {
    // libuv stopped the watch on EPOLLERR; the object knows whether that is the end.
    if (self->on_error()) {
      self->begin_poll();
    } else {
      self->started_ = false;
    }
  } else if (!self->on_event()) {
    return;
  }
  self->environment_->call(self->callback_);
}

void Pollable::on_idle(uv_idle_t* handle) {
  auto* self = static_cast<Pollable*>(handle->data);
  self->environment_->call(self->callback_);
}

void Pollable::on_handle_closed(uv_handle_t* handle) {
  auto* self = static_cast<Pollable*>(handle->data);
  Environment* environment = self->environment_;
  self->handles_--;
  self->free_if_done();
  environment->handle_closed();
}

void Pollable::on_collected(napi_env, void* data, void*) {
  auto* self = static_cast<Pollable*>(data);
  self->collected_ = true;
  self->free_if_done();
}

void Pollable::free_if_done() {
  if (handles_ == 0 && collected_) delete this;
}

namespace {

napi_value stop(napi_env env, napi_callback_info info) {
  if (auto* object = native<Pollable>(Args(env, info))) object->stop();
  return nullptr;
}
napi_value close(napi_env env, napi_callback_info info) {
  if (auto* object = native<Pollable>(Args(env, info))) object->close();
  return nullptr;
}
napi_value ref(napi_env env, napi_callback_info info) {
  if (auto* object = native<Pollable>(Args(env, info))) object->set_referenced(true);
  return nullptr;
}
napi_value unref(napi_env env, napi_callback_info info) {
  if (auto* object = native<Pollable>(Args(env, info))) object->set_referenced(false);
  return nullptr;
}
napi_value start(napi_env env, napi_callback_info info) {
  Args args(env, info);
  if (auto* object = open_object<Pollable>(args)) object->start();
  return nullptr;
}

}  // namespace

void Pollable::describe(napi_property_descriptor* properties) {
  properties[0] = method("start", pio::start);
  properties[1] = method("stop", pio::stop);
  properties[2] = method("close", pio::close);
  properties[3] = method("ref", pio::ref);
  properties[4] = method("unref", pio::unref);
}

}  // namespace pio
