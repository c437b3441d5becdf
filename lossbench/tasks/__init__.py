"""The three tasks that ship. Another one is any class that serves `tasks.contract.Task`, named by `task.target`."""
