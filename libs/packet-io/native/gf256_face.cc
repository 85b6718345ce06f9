// GF(256) for JavaScript: one function a kernel and operation, so that tests can hold them against each other.
#include "addon.h"
#include "gf256.h"

namespace pio {
namespace {

napi_value run(napi_env env, napi_callback_info info, bool add) {
  Args args(env, info);
  Array<uint8_t> target, source;
  int32_t target_at, source_at, length, coefficient;
  if (!args.bytes(0, target) || !args.integer(1, target_at) || !args.bytes(2, source) || !args.integer(3, source_at) ||
      !args.integer(4, length) || !args.integer(5, coefficient)) {
    return nullptr;
  }
  if (!inside(target, target_at, length) || !inside(source, source_at, length)) {
    throw_misuse(env, kOutOfBounds, "a range lies outside its bytes");
    return nullptr;
  }
  if (coefficient < 0 || coefficient > 255) {
    throw_misuse(env, kBadArgument, "a coefficient from 0 to 255 was expected");
    return nullptr;
  }
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const auto* kernel = static_cast<const Gf256Kernel*>(data);
  (add ? kernel->mul_add : kernel->mul)(target.data + target_at, source.data + source_at, static_cast<size_t>(length),
                                        static_cast<uint8_t>(coefficient));
  return nullptr;
}

napi_value mul_add(napi_env env, napi_callback_info info) { return run(env, info, true); }
napi_value mul(napi_env env, napi_callback_info info) { return run(env, info, false); }

void add(napi_env env, napi_value object, const char* name, napi_callback callback, const Gf256Kernel* kernel) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, const_cast<Gf256Kernel*>(kernel), &function);
  napi_set_named_property(env, object, name, function);
}

}  // namespace

// Exports `gf256`: a list of { name, mulAdd, mul }, the fastest first.
void register_gf256(napi_env env, napi_value exports) {
  size_t count;
  const Gf256Kernel* const* kernels = gf256_kernels(count);
  napi_value list = nullptr;
  napi_create_array_with_length(env, count, &list);
  for (size_t i = 0; i < count; i++) {
    napi_value object = nullptr, name = nullptr;
    napi_create_object(env, &object);
    napi_create_string_utf8(env, kernels[i]->name, NAPI_AUTO_LENGTH, &name);
    napi_set_named_property(env, object, "name", name);
    add(env, object, "mulAdd", mul_add, kernels[i]);
    add(env, object, "mul", mul, kernels[i]);
    napi_set_element(env, list, static_cast<uint32_t>(i), object);
  }
  napi_set_named_property(env, exports, "gf256", list);
}

}  // namespace pio
