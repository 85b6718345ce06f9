// Small helpers over Node-API: arguments in one line each, errors in one call.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>

namespace pio {

// A system call that failed: what was tried, in words, and the errno.
struct Failure {
  int error = 0;
  std::string syscall;
  std::string what;
  explicit operator bool() const { return error != 0; }
};

// Misuse: a stable code and a sentence.
void throw_misuse(napi_env env, const char* code, const std::string& message);
// A failed system call, as Node's own errors look: code, errno, syscall.
void throw_failure(napi_env env, const Failure& failure);

inline constexpr const char* kBadArgument = "ERR_BAD_ARGUMENT";
inline constexpr const char* kOutOfBounds = "ERR_OUT_OF_BOUNDS";
inline constexpr const char* kClosed = "ERR_CLOSED";
inline constexpr const char* kUnknownKey = "ERR_UNKNOWN_KEY";

template <typename T>
struct Array {
  T* data = nullptr;
  size_t length = 0;
};

// The arguments of one call. Every getter answers false after it has thrown.
class Args {
 public:
  static constexpr size_t kMost = 12;
  Args(napi_env env, napi_callback_info info) : env_(env) {
    napi_get_cb_info(env, info, &count_, values_, &self_, nullptr);
  }
  napi_env env() const { return env_; }
  napi_value self() const { return self_; }
  napi_value operator[](size_t index) const { return values_[index]; }

  bool bytes(size_t index, Array<uint8_t>& out) const { return typed(index, napi_uint8_array, out); }
  bool ints(size_t index, Array<int32_t>& out) const { return typed(index, napi_int32_array, out); }
  bool doubles(size_t index, Array<double>& out) const { return typed(index, napi_float64_array, out); }
  bool integer(size_t index, int32_t& out) const;
  bool boolean(size_t index, bool& out) const;
  bool text(size_t index, std::string& out) const;
  // Undefined leaves `out` empty.
  bool optional_text(size_t index, std::string& out) const;
  bool function(size_t index) const;
  // The native object behind `this`. Methods carry a signature, so that V8 has checked its class already. Null when
  // the worker is being terminated in the middle of this call: Node-API then refuses almost everything, and whatever
  // is answered is never seen. Every caller must look.
  template <typename T>
  T* unwrap() const {
    void* object = nullptr;
    napi_unwrap(env_, self_, &object);
    return static_cast<T*>(object);
  }

 private:
  template <typename T>
  bool typed(size_t index, napi_typedarray_type wanted, Array<T>& out) const {
    napi_typedarray_type type;
    void* data = nullptr;
    size_t length = 0;
    const napi_status status =
        napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr);
    if (status != napi_ok || type != wanted) return wrong_type(index, wanted);
    out.data = static_cast<T*>(data);
    out.length = length;
    return true;
  }
  bool wrong_type(size_t index, napi_typedarray_type wanted) const;
  bool wrong(size_t index, const char* wanted) const;

  napi_env env_;
  napi_value self_ = nullptr;
  size_t count_ = kMost;
  napi_value values_[kMost];
};

inline napi_value number(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

// Whether `new` was used; throws otherwise.
bool constructing(napi_env env, napi_callback_info info, const char* name);

// Defines a class whose instances are made by `constructor` and exports it.
void export_class(napi_env env, napi_value exports, const char* name, napi_callback constructor,
                  const napi_property_descriptor* properties, size_t count);

inline napi_property_descriptor method(const char* name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}
inline napi_property_descriptor getter(const char* name, napi_callback callback) {
  return {name, nullptr, nullptr, callback, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace pio
