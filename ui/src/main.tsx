import "~/styles/reset.css";
import "~/styles/tokens.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { goWhereMlflowWas } from "~/mlflowLinks";
import { queryClient } from "~/queryClient";
import { router } from "~/routes";
import { applyAppearance } from "~/shared/appearance";

applyAppearance();
goWhereMlflowWas();

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
