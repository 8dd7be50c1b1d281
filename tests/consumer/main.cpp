#include <amg/config.h>

#include <iostream>

int main() {
  const amg::Config config = amg::Config::from_tree({{"solver", "PCG"}, {"tolerance", 1e-8}});
  std::cout << "amg found: " << config.canonical() << '\n';
  return config.outer().method == "PCG" ? 0 : 1;
}
