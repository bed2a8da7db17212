/** A parameter decorator that documents the parameter as well, so that no method has to repeat its parameters in decorators. */
export function documentedParam(
  parameter: ParameterDecorator,
  ...documentation: MethodDecorator[]
): ParameterDecorator {
  return (target, method, index) => {
    parameter(target, method, index);
    const descriptor = method !== undefined && Object.getOwnPropertyDescriptor(target, method);
    if (!descriptor) throw new TypeError('Only parameters of methods can be documented.');
    for (const document of documentation) document(target, method, descriptor);
  };
}
