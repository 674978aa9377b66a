// The parent of all processes.
int main() {}
